package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/golang/protobuf/proto"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// The services of ../../proto/exchange.proto: brokered services in both directions, on go-plugin's own broker.

type Value struct {
	Value []byte `protobuf:"bytes,1,opt,name=value,proto3"`
}

type ExchangeMessage struct {
	Service uint32 `protobuf:"varint,1,opt,name=service,proto3"`
	Value   []byte `protobuf:"bytes,2,opt,name=value,proto3"`
}

func (m *Value) Reset()                   { *m = Value{} }
func (m *Value) String() string           { return proto.CompactTextString(m) }
func (*Value) ProtoMessage()              {}
func (m *ExchangeMessage) Reset()         { *m = ExchangeMessage{} }
func (m *ExchangeMessage) String() string { return proto.CompactTextString(m) }
func (*ExchangeMessage) ProtoMessage()    {}

// registerEcho adds the Echo service. It calls onCall during each call, before the answer is sent.
func registerEcho(server *grpc.Server, onCall func()) {
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "interop.Echo",
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Echo", Handler: func(_ interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
				value := new(Value)
				err := decode(value)
				onCall()
				return value, err
			}},
		},
	}, nil)
}

func echo(ctx context.Context, conn *grpc.ClientConn, value []byte) ([]byte, error) {
	answer := new(Value)
	err := conn.Invoke(ctx, "/interop.Echo/Echo", &Value{value}, answer)
	return answer.Value, err
}

// serveEcho serves an Echo under a number and returns the function that stops it.
func serveEcho(broker *goplugin.GRPCBroker, service uint32, onCall func(stop func())) (stop func()) {
	var server *grpc.Server
	stop = func() { server.GracefulStop() }
	ready := make(chan struct{})
	go broker.AcceptAndServe(service, func(options []grpc.ServerOption) *grpc.Server {
		server = grpc.NewServer(options...)
		registerEcho(server, func() { onCall(stop) })
		close(ready)
		return server
	})
	<-ready
	return stop
}

type exchangePlugin struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (exchangePlugin) GRPCServer(broker *goplugin.GRPCBroker, server *grpc.Server) error {
	registerEcho(server, func() {})
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "interop.Exchange",
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Exchange", Handler: func(_ interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
				request := new(ExchangeMessage)
				if err := decode(request); err != nil {
					return nil, err
				}
				return answerExchange(ctx, broker, request)
			}},
		},
	}, nil)
	return nil
}

func answerExchange(ctx context.Context, broker *goplugin.GRPCBroker, request *ExchangeMessage) (*ExchangeMessage, error) {
	theirs, err := broker.Dial(request.Service)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	value, err := echo(ctx, theirs, request.Value)
	if err != nil {
		return nil, err
	}
	ours := broker.NextId()
	// Serves one call. The server sends the answer before it stops.
	serveEcho(broker, ours, func(stop func()) { go stop() })
	return &ExchangeMessage{ours, value}, nil
}

func (exchangePlugin) GRPCClient(_ context.Context, broker *goplugin.GRPCBroker, conn *grpc.ClientConn) (interface{}, error) {
	return exchangeClient{broker, conn}, nil
}

type exchangeClient struct {
	broker *goplugin.GRPCBroker
	conn   *grpc.ClientConn
}

// exchange serves an Echo, has the plugin call it, and calls the Echo that the plugin serves in turn.
func (c exchangeClient) exchange(ctx context.Context) error {
	ours := c.broker.NextId()
	value := []byte(fmt.Sprint("exchange ", ours))
	stop := serveEcho(c.broker, ours, func(func()) {})
	defer stop()
	answer := new(ExchangeMessage)
	if err := c.conn.Invoke(ctx, "/interop.Exchange/Exchange", &ExchangeMessage{ours, value}, answer); err != nil {
		return err
	}
	theirs, err := c.broker.Dial(answer.Service)
	if err != nil {
		return err
	}
	defer theirs.Close()
	echoed, err := echo(ctx, theirs, value)
	if err == nil && !(bytes.Equal(answer.Value, value) && bytes.Equal(echoed, value)) {
		err = errors.New("the plugin echoes something else")
	}
	return err
}

// runExchangeHost launches a plugin and makes COUNT exchanges, AT_ONCE of them concurrently, during other calls to the
// plugin. Its arguments are COUNT AT_ONCE MTLS COMMAND...
func runExchangeHost(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	atOnce, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  handshake,
		Plugins:          goplugin.PluginSet{"exchange": exchangePlugin{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         args[2] == "mtls",
		Cmd:              exec.Command(args[3], args[4:]...),
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense("exchange")
	if err != nil {
		return err
	}
	plugin := raw.(exchangeClient)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	failures := make(chan error, count+1)
	done := make(chan struct{})
	var calls int
	var all sync.WaitGroup
	all.Add(1)
	go func() {
		defer all.Done()
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := echo(ctx, plugin.conn, []byte("meanwhile")); err != nil {
				failures <- err
				return
			}
			calls++
		}
	}()
	work := make(chan struct{}, count)
	for i := 0; i < count; i++ {
		work <- struct{}{}
	}
	close(work)
	var workers sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for range work {
				if err := plugin.exchange(ctx); err != nil {
					failures <- err
				}
			}
		}()
	}
	workers.Wait()
	close(done)
	all.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	fmt.Printf("%d exchanges, calls meanwhile: %t\n", count, calls > count/10)
	return nil
}

func runExchangePlugin([]string) error {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         goplugin.PluginSet{"exchange": exchangePlugin{}},
		GRPCServer:      goplugin.DefaultGRPCServer,
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr}),
	})
	return nil
}
