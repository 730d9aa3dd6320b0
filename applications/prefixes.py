"""The prefixes of ids that Svix's and Nahook's clients expect. Contract: docs/contract/svix.md#ids."""

APPLICATION = "app_"
ENDPOINT = "ep_"
MESSAGE = "msg_"
ATTEMPT = "atmpt_"
SUBSCRIPTION = "evtsub_"
