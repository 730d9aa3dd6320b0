"""Send the same requests to a server of Convoy's API as were sent to a real Convoy, and explain what differs."""
