package main

import (
	"fmt"
	"net"
	_ "unsafe" // for go:linkname

	_ "github.com/hashicorp/go-plugin"
)

// What a go-plugin plugin listens with on Windows; elsewhere nothing calls it.
//
//go:linkname serverListenerTCP github.com/hashicorp/go-plugin.serverListener_tcp
func serverListenerTCP() (net.Listener, error)

// runPorts listens as a go-plugin plugin on Windows does, and prints where.
func runPorts([]string) error {
	listener, err := serverListenerTCP()
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Println(listener.Addr())
	return nil
}
