"""Answer the operations on jobs. Contract: docs/contract/jobs.md#operations."""

from rest_framework.request import Request

from core.api.documents import PageOf
from core.api.pagination import read_page
from jobs import openapi, operations
from jobs.documents import JobDocument, job_document
from jobs.models import Job, JobQuerySet
from projects.convoy_view import ConvoyView


class JobView(ConvoyView):
    """Base of views of the path's project's jobs; the portal narrows them to the customer's own."""

    def rows(self) -> JobQuerySet:
        """Return the jobs that the caller may see."""
        return Job.objects.for_project(self.project_id)


class Jobs(JobView):
    """List the jobs of a project."""

    @openapi.list_jobs
    def get(self, request: Request, **_: str) -> PageOf[JobDocument]:
        """Answer a page of jobs, newest first."""
        page = read_page(request, self.rows())
        return page.of([job_document(job) for job in page.rows])


class JobDetail(JobView):
    """One job."""

    @openapi.get_job
    def get(self, request: Request, jobID: str, **_: str) -> JobDocument:  # noqa: N803
        """Answer the job with its progress."""
        return job_document(operations.find_job(self.rows(), jobID))


class PauseJob(JobView):
    """Pause a job."""

    @openapi.pause_job
    def put(self, request: Request, jobID: str, **_: str) -> JobDocument:  # noqa: N803
        """Pause the job; a body is ignored."""
        return job_document(operations.pause_job(self.rows(), jobID))


class ResumeJob(JobView):
    """Continue a paused job."""

    @openapi.resume_job
    def put(self, request: Request, jobID: str, **_: str) -> JobDocument:  # noqa: N803
        """Continue the job; a body is ignored."""
        return job_document(operations.resume_job(self.rows(), jobID))


class CancelJob(JobView):
    """Cancel a job."""

    @openapi.cancel_job
    def put(self, request: Request, jobID: str, **_: str) -> JobDocument:  # noqa: N803
        """End the job; a body is ignored."""
        return job_document(operations.cancel_job(self.rows(), jobID))
