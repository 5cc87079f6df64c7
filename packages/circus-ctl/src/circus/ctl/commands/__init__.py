"""One typed function a command, in modules by what they need. Imported only when asked for."""
