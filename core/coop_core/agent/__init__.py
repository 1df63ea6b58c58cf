"""The platform's pull side: polls Git, and keeps Applications and namespaces in step with environment branches."""
