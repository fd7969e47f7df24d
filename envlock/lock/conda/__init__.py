"""The conda packages of a lock: read, written, held against one another and against another lock's."""
