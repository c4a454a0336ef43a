module laminar

go 1.26
