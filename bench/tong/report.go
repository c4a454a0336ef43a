package main

func markdown(cells []Cell) string { return "" }

func replace(file, text string) error { return nil }
