// The Go side of the interop tests: a go-plugin host, a go-plugin plugin, and plain users of Go's net and gRPC.
// It is one program because linking go-plugin takes longer than most of the tests.
package main

import (
	"fmt"
	"os"
)

var commands = map[string]func(args []string) error{
	"host":            runHost,
	"exchange-host":   runExchangeHost,
	"exchange-plugin": runExchangePlugin,
	"plugin":          runPlugin,
	"ports":           runPorts,
	"dial":            runDial,
	"target":          runTarget,
	"client":          runClient,
	"server":          runServer,
	"greeter":         runGreeter,
	"store":           runStore,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fatal(fmt.Errorf("usage: %s host|plugin|ports|dial|target|client|server|greeter|store|exchange-host|exchange-plugin ARG...", os.Args[0]))
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
