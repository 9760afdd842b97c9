"""What happens in a simulated hotel: guests, reservations, rooms and extras."""
