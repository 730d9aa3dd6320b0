"""Switches for operators: pause deliveries, drain a worker, discard a backlog and take that back, without a deploy."""
