"""What people meet in a browser: the widget, its pages, and the console."""
