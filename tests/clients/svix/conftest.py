"""The clients of Svix that Node runs. script/check-svix installs them, and without it nothing here is collected."""

import os

from tests.browser.conftest import browser, portal, site  # noqa: F401
from tests.live.conftest import instance, project, server  # noqa: F401

collect_ignore_glob = [] if "SVIX_CLIENTS" in os.environ else ["*"]
