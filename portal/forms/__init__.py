"""What every form of the portal is made of."""
