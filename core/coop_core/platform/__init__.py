"""Starting, finding and stopping a platform: the wiring of API, controllers, agent and proxy."""
