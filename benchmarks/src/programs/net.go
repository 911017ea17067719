// Either end of connections over Go's net, the counterpart of sockets.ts: `net <network>`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var (
	network = os.Args[1]
	chunk   = make([]byte, 64*1024)
	echoing net.Conn
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var command []interface{}
		answer := map[string]interface{}{}
		result, err := interface{}(nil), json.Unmarshal(lines.Bytes(), &command)
		if err == nil {
			result, err = obey(command[0].(string), command[1:])
		}
		if err != nil {
			answer["error"] = err.Error()
		} else {
			answer["result"] = result
		}
		line, _ := json.Marshal(answer)
		fmt.Println(string(line))
	}
}

func obey(name string, arguments []interface{}) (interface{}, error) {
	number := func(i int) int { return int(arguments[i].(float64)) }
	text := arguments[0].(string)
	switch name {
	case "listen":
		return listen(text)
	case "connect":
		return connect(text, number(1))
	case "roundTrip":
		return roundTrip(text, number(1), number(2))
	case "download":
		return download(text, number(1))
	case "echo":
		return echo(text, number(1))
	}
	return nil, fmt.Errorf("unknown command %s", name)
}

func listen(directory string) (string, error) {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(directory, fmt.Sprintf("go-%d.sock", os.Getpid()))
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return "", err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(connection)
		}
	}()
	return listener.Addr().String(), nil
}

func serve(connection net.Conn) {
	defer connection.Close()
	input := bufio.NewReader(connection)
	line, err := input.ReadString('\n')
	if err != nil {
		return
	}
	switch fields := strings.Fields(line); fields[0] {
	case "send":
		var size int
		fmt.Sscan(fields[1], &size)
		send(connection, size)
		return
	case "hold":
		connection.Write([]byte("."))
	}
	// Avoids splice(2), with which the kernel would echo and not the program.
	io.CopyBuffer(struct{ io.Writer }{connection}, struct{ io.Reader }{input}, make([]byte, len(chunk)))
}

func send(connection net.Conn, size int) error {
	for ; size > 0; size -= len(chunk) {
		part := chunk
		if size < len(part) {
			part = part[:size]
		}
		if _, err := connection.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func ask(address, command string) (net.Conn, error) {
	connection, err := net.Dial(network, address)
	if err == nil {
		_, err = fmt.Fprintln(connection, command)
	}
	return connection, err
}

func connect(address string, count int) (float64, error) {
	var spent time.Duration
	for i := 0; i < count; i++ {
		started := time.Now()
		connection, err := net.Dial(network, address)
		if err != nil {
			return 0, err
		}
		spent += time.Since(started)
		// Waits until the other end has accepted, as a full backlog would distort the times.
		if _, err = fmt.Fprintln(connection, "hold"); err == nil {
			_, err = io.ReadFull(connection, make([]byte, 1))
		}
		connection.Close()
		if err != nil {
			return 0, err
		}
	}
	return spent.Seconds() * 1e6 / float64(count), nil
}

func roundTrip(address string, count, size int) (float64, error) {
	if echoing == nil {
		connection, err := ask(address, "echo")
		if err != nil {
			return 0, err
		}
		echoing = connection
	}
	message := make([]byte, size)
	started := time.Now()
	for i := 0; i < count; i++ {
		if _, err := echoing.Write(message); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(echoing, message); err != nil {
			return 0, err
		}
	}
	return time.Since(started).Seconds() * 1e6 / float64(count), nil
}

func download(address string, size int) (float64, error) {
	started := time.Now()
	connection, err := ask(address, fmt.Sprintf("send %d", size))
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	return receive(connection, size, started)
}

func echo(address string, size int) (float64, error) {
	started := time.Now()
	connection, err := ask(address, "echo")
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	go send(connection, size)
	return receive(connection, size, started)
}

// receive reads size bytes and returns the megabytes per second since started.
func receive(connection net.Conn, size int, started time.Time) (float64, error) {
	buffer := make([]byte, len(chunk))
	for left := size; left > 0; {
		read, err := connection.Read(buffer)
		if err != nil {
			return 0, err
		}
		left -= read
	}
	return float64(size) / 1e6 / time.Since(started).Seconds(), nil
}
