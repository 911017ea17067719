package main

import (
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// runStore serves the key-value store until its input ends, and prints its address. It disconnects clients that ping too
// often by gRPC's default policy, or more often than every MIN_TIME.
func runStore(args []string) error {
	var options []grpc.ServerOption
	if len(args) > 0 {
		minTime, err := time.ParseDuration(args[0])
		if err != nil {
			return err
		}
		options = append(options, grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minTime}))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&kvService, &kvStore{values: map[string][]byte{}})
	fmt.Println(listener.Addr())
	go func() {
		io.Copy(ioutil.Discard, os.Stdin)
		server.Stop()
	}()
	return server.Serve(listener)
}
