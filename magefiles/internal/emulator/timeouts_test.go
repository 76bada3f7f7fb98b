package emulator_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/dualboot/magefiles/internal/emulator"
)

// pipes is a listener without a network, which works on a fake clock.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error {
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// client is a connection to a server that answers with the body of the request,
// after it has worked for 15 minutes.
type client struct {
	*testing.T
	net.Conn
	answers *bufio.Reader
}

// withClient runs a test on a fake clock.
func withClient(t *testing.T, test func(c *client)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := emulator.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				time.Sleep(15 * time.Minute)
				err = r.Context().Err()
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.Write(body)
		}))
		listener := make(pipes)
		go server.Serve(listener)
		near, far := net.Pipe()
		listener <- far
		defer server.Close()
		defer near.Close()
		test(&client{t, near, bufio.NewReader(near)})
	})
}

// send writes a part of a request after a pause.
func (c *client) send(pause time.Duration, text string) {
	c.Helper()
	time.Sleep(pause)
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.Fatal(err)
	}
}

// want checks the beginning of the next answer: status and body.
func (c *client) want(want string) {
	c.Helper()
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		c.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if got := fmt.Sprint(response.StatusCode, " ", string(body)); err != nil || !strings.HasPrefix(got, want) {
		c.Errorf("the answer is %q, %v, want %q", got, err, want)
	}
}

// wantClosed checks that the server closes the connection after a time.
func (c *client) wantClosed(want time.Duration) {
	c.Helper()
	began := time.Now()
	rest, err := io.ReadAll(c.answers)
	if took := time.Since(began); err != nil || len(rest) > 0 || took != want {
		c.Errorf("after %s: %q, %v; want the connection closed after %s", took, rest, err, want)
	}
}

const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"

func TestUnusedConnectionsAreClosed(t *testing.T) {
	withClient(t, func(c *client) { c.wantClosed(10 * time.Second) })
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	withClient(t, func(c *client) {
		for _, pause := range []time.Duration{0, 119 * time.Second, 119 * time.Second} {
			c.send(pause, post+"abc")
			c.want("200 abc")
		}
		c.wantClosed(2 * time.Minute)
	})
}

func TestSlowHeadersAreGivenUp(t *testing.T) {
	withClient(t, func(c *client) {
		c.send(0, "POST / HTTP/1.1\r\nHost: x\r\n")
		c.wantClosed(10 * time.Second)
	})
}

func TestStalledBodiesAreGivenUp(t *testing.T) {
	withClient(t, func(c *client) {
		c.send(0, post)
		c.send(59*time.Second, "ab")
		began := time.Now()
		c.want("400 read pipe: i/o timeout")
		if took := time.Since(began); took != time.Minute {
			c.Errorf("the answer came after %s", took)
		}
		c.wantClosed(0)
	})
}

func TestSlowUploadsAreServed(t *testing.T) {
	withClient(t, func(c *client) {
		c.send(0, post)
		for _, part := range []string{"a", "b", "c"} {
			c.send(59*time.Second, part)
		}
		c.want("200 abc")
		c.send(time.Minute, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.want("200 ")
	})
}
