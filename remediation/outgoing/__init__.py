"""What leaves the house: which addresses may be reached, how a message is signed, and how it is sent. No database in here."""
