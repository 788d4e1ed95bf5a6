"""What ``bin/prove`` measures: figures with goals, each with a negative control where a fault could hide."""
