package main

import (
	"context"
	"math"
	"os"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// handshake has the cookie of go-plugin's own key-value example.
var handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "BASIC_PLUGIN",
	MagicCookieValue: "hello",
}

// kvPlugin tells go-plugin, on both sides, which service it serves.
type kvPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (kvPlugin) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	server.RegisterService(&kvService, &kvStore{values: map[string][]byte{}})
	return nil
}

func (kvPlugin) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (interface{}, error) {
	return kvClient{conn}, nil
}

// runPlugin serves until the host asks it to stop.
func runPlugin([]string) error {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         goplugin.PluginSet{"kv": kvPlugin{}},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, grpc.MaxRecvMsgSize(math.MaxInt32))...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
	return nil
}
