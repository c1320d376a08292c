"""What the app does by itself: rules that link new orders, and the scan that feeds them."""
