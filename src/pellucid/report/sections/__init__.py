"""The sections of the page: each file has `render(material)`, empty where the records are."""
