package run

var pictureFiles = []string{"samples.png", "paths.png", "loss.png", "quality.png", "field.png"}
