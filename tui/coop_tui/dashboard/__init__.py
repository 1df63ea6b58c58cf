"""The dashboard: widgets that paint the board, and the app that feeds it. Textual is imported here alone."""
