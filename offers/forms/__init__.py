"""What people type, valid on its own before the domain decides."""
