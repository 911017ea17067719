// The compiler accepts a function without a body, as in ports.go, only in a package with an assembly file.
