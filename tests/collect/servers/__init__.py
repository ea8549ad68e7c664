"""Services on loopback that behave as the published interfaces do, pictures and misfortunes included."""
