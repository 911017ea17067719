package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/ioutil"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// host is a go-plugin host. It launches a plugin from its command, or with -reattach takes over a running one.
type host struct {
	client *goplugin.Client
	cmd    *exec.Cmd
}

// runHost reads a command from each line of standard input and answers it with a line. The log goes to standard error.
func runHost(args []string) error {
	flags := flag.NewFlagSet("host", flag.ExitOnError)
	mtls := flags.Bool("mtls", false, "uses AutoMTLS")
	reattach := flags.Bool("reattach", false, "takes over the running plugin given by the arguments PID NETWORK ADDRESS")
	socketGroup := flags.Int("socket-group", -1, "gives the plugin a socket directory of this group")
	user := flags.Int("user", -1, "the user, and group, that the plugin runs as")
	if err := flags.Parse(args); err != nil {
		return err
	}

	h := &host{}
	config := &goplugin.ClientConfig{
		HandshakeConfig:  handshake,
		Plugins:          goplugin.PluginSet{"kv": kvPlugin{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         *mtls,
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr}),
	}
	if *reattach {
		var err error
		if config.Reattach, err = reattachConfig(flags.Args()); err != nil {
			return err
		}
	} else {
		h.cmd = exec.Command(flags.Arg(0), flags.Args()[1:]...)
		config.Cmd = h.cmd
	}
	if *user >= 0 {
		credential := &syscall.Credential{Uid: uint32(*user), Gid: uint32(*user)}
		if *socketGroup >= 0 {
			credential.Groups = []uint32{uint32(*socketGroup)}
		}
		h.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	}
	if *socketGroup >= 0 {
		directory, err := socketDirectory(*socketGroup)
		if err != nil {
			return err
		}
		defer os.RemoveAll(directory)
		h.cmd.Env = []string{"PLUGIN_UNIX_SOCKET_DIR=" + directory, fmt.Sprintf("PLUGIN_UNIX_SOCKET_GROUP=%d", *socketGroup)}
	}
	h.client = goplugin.NewClient(config)
	// Leaves no plugin behind, whatever happens.
	defer h.client.Kill()

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer, err := h.do(strings.Split(lines.Text(), " "))
		if err != nil {
			answer = "error: " + err.Error()
		}
		fmt.Println(answer)
	}
	return lines.Err()
}

// socketDirectory makes a directory for a plugin's sockets that a group can access, as newer versions of go-plugin do
// (from 1.5.1 on, Client.Start in client.go). They remove it with its contents after they kill the plugin.
func socketDirectory(group int) (string, error) {
	directory, err := ioutil.TempDir("", "plugin-dir")
	if err != nil {
		return "", err
	}
	if err := os.Chown(directory, -1, group); err != nil {
		return "", err
	}
	return directory, os.Chmod(directory, 0o770)
}

func reattachConfig(args []string) (*goplugin.ReattachConfig, error) {
	if len(args) != 3 {
		return nil, errors.New("-reattach takes PID NETWORK ADDRESS")
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return nil, err
	}
	var address net.Addr
	if args[1] == "unix" {
		address, err = net.ResolveUnixAddr(args[1], args[2])
	} else {
		address, err = net.ResolveTCPAddr(args[1], args[2])
	}
	return &goplugin.ReattachConfig{Protocol: goplugin.ProtocolGRPC, Addr: address, Pid: pid}, err
}

func (h *host) do(words []string) (string, error) {
	if words[0] == "kill" {
		h.client.Kill()
		if h.cmd == nil {
			return "killed", nil
		}
		return fmt.Sprintf("killed, exit code %d", h.cmd.ProcessState.ExitCode()), nil
	}
	// The first call launches the plugin.
	protocol, err := h.client.Client()
	if err != nil {
		return "", err
	}
	raw, err := protocol.Dispense("kv")
	if err != nil {
		return "", err
	}
	kv := raw.(kvClient)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	switch words[0] {
	case "address":
		config := h.client.ReattachConfig()
		return fmt.Sprintf("%d %s %s", config.Pid, config.Addr.Network(), config.Addr), nil
	case "ping":
		return "ok", protocol.Ping()
	case "health":
		health := grpc_health_v1.NewHealthClient(kv.conn)
		response, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: words[1]})
		return response.GetStatus().String(), err
	case "put":
		return "ok", kv.Put(ctx, words[1], []byte(words[2]))
	case "get":
		value, err := kv.Get(ctx, words[1])
		return string(value), err
	case "echo":
		return kv.echo(ctx, words[1])
	case "put-all":
		return kv.putNumbers(ctx, words[1])
	case "list":
		return kv.describe(ctx)
	}
	return "", fmt.Errorf("unknown command %s", words[0])
}

// echo puts a value of this many bytes and gets it back.
func (c kvClient) echo(ctx context.Context, size string) (string, error) {
	count, err := strconv.Atoi(size)
	if err != nil {
		return "", err
	}
	sent := bytes.Repeat([]byte{1}, count)
	if err := c.Put(ctx, "echo", sent); err != nil {
		return "", err
	}
	received, err := c.Get(ctx, "echo")
	if err != nil {
		return "", err
	}
	return fmt.Sprint(bytes.Equal(sent, received)), nil
}

// putNumbers puts 0 at key 0, 1 at key 1 and so on, in one stream.
func (c kvClient) putNumbers(ctx context.Context, count string) (string, error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return "", err
	}
	var requests []*PutRequest
	for i := 0; i < n; i++ {
		number := strconv.Itoa(i)
		requests = append(requests, &PutRequest{number, []byte(number)})
	}
	put, err := c.PutAll(ctx, requests)
	return fmt.Sprint(put), err
}

func (c kvClient) describe(ctx context.Context) (string, error) {
	entries, err := c.List(ctx)
	var words []string
	for _, entry := range entries {
		words = append(words, entry.Key+"="+string(entry.Value))
	}
	return strings.Join(words, " "), err
}
