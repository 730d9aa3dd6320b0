"""The portal API's views of jobs. Contract: docs/contract/jobs.md#portal."""

from jobs import openapi, views
from jobs.models import JobQuerySet
from portal.api import PortalView
from portal.exceptions import JobOutOfScope
from portal.openapi import OF_CUSTOMER
from portal_links.capabilities import CREATE_ATTEMPTS

_UNSEEN = OF_CUSTOMER | {"not_found": JobOutOfScope}


class JobView(PortalView, views.JobView):
    """Narrows jobs to those that the customer has made. An API key sees those of its whole project."""

    needs = {"PUT": CREATE_ATTEMPTS}

    def rows(self) -> JobQuerySet:
        """Return the jobs that the caller may see."""
        rows = super().rows()
        return rows if self.access.by_key else rows.filter(customer=self.access.customer)


class Jobs(JobView):
    """The jobs of the customer."""

    get = openapi.list_jobs.twin("GetPortalJobs", "List the customer's jobs", **OF_CUSTOMER)(views.Jobs.get)


class JobDetail(JobView):
    """One job."""

    get = openapi.get_job.twin("GetPortalJob", "Retrieve a job of the customer's", **_UNSEEN)(views.JobDetail.get)


class PauseJob(JobView):
    """The pause of a job."""

    put = openapi.pause_job.twin("PausePortalJob", "Pause a job of the customer's", **_UNSEEN)(views.PauseJob.put)


class ResumeJob(JobView):
    """The end of a job's pause."""

    put = openapi.resume_job.twin("ResumePortalJob", "Resume a job of the customer's", **_UNSEEN)(views.ResumeJob.put)


class CancelJob(JobView):
    """The cancellation of a job."""

    put = openapi.cancel_job.twin("CancelPortalJob", "Cancel a job of the customer's", **_UNSEEN)(views.CancelJob.put)
