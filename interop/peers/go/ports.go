package main

import (
	"fmt"
	"net"
	_ "unsafe" // for go:linkname

	_ "github.com/hashicorp/go-plugin"
)

// The function with which go-plugin plugins listen on Windows. Elsewhere nothing calls it.
//
//go:linkname serverListenerTCP github.com/hashicorp/go-plugin.serverListener_tcp
func serverListenerTCP() (net.Listener, error)

// runPorts listens as a go-plugin plugin does on Windows, and prints the address.
func runPorts([]string) error {
	listener, err := serverListenerTCP()
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Println(listener.Addr())
	return nil
}
