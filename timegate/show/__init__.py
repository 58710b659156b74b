"""How a thing is written: text, HTML, colours."""
