"""Answer the portal API about jobs. Contract: docs/contract/jobs.md#portal."""

from jobs import openapi, views
from jobs.models import JobQuerySet
from portal.api import PortalView
from portal.exceptions import JobOutOfScope
from portal.openapi import twin
from portal_links.capabilities import CREATE_ATTEMPTS


class JobView(PortalView, views.JobView):
    """Narrows jobs to those that the customer has made. An API key sees those of its whole project."""

    needs = {"PUT": CREATE_ATTEMPTS}

    def rows(self) -> JobQuerySet:
        """Return the jobs that the caller may see."""
        rows = super().rows()
        return rows if self.access.by_key else rows.filter(customer=self.access.customer)


class Jobs(JobView):
    """List the customer's jobs."""

    get = twin(openapi.list_jobs, "GetPortalJobs", "List the customer's jobs")(views.Jobs.get)


class JobDetail(JobView):
    """Show a job of the customer's."""

    get = twin(openapi.get_job, "GetPortalJob", "Retrieve a job of the customer's", not_found=JobOutOfScope)(
        views.JobDetail.get
    )


class PauseJob(JobView):
    """Pause a job of the customer's."""

    put = twin(openapi.pause_job, "PausePortalJob", "Pause a job of the customer's", not_found=JobOutOfScope)(
        views.PauseJob.put
    )


class ResumeJob(JobView):
    """Resume a job of the customer's."""

    put = twin(openapi.resume_job, "ResumePortalJob", "Resume a job of the customer's", not_found=JobOutOfScope)(
        views.ResumeJob.put
    )


class CancelJob(JobView):
    """Cancel a job of the customer's."""

    put = twin(openapi.cancel_job, "CancelPortalJob", "Cancel a job of the customer's", not_found=JobOutOfScope)(
        views.CancelJob.put
    )
