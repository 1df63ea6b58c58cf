"""The controllers: each keeps one kind of object in step with what it asks for."""
