package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/rpc"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// rpcClient speaks to the processes of go1.x, which serve net/rpc on a port
// that they are told. See github.com/aws/aws-lambda-go/lambda/rpc_function.go.
//
// AWS's own go1.x may set AWS_LAMBDA_RUNTIME_API too; without it a binary that
// has no RPC server fails for sure, which is the stricter stand-in.
type rpcClient struct {
	ports *ports
	port  int

	mu     sync.Mutex
	client *rpc.Client // once the process has answered
	closed bool
}

func newRPCClient(ports *ports) (*rpcClient, error) {
	port, err := ports.take()
	if err != nil {
		return nil, err
	}
	return &rpcClient{ports: ports, port: port}, nil
}

func (c *rpcClient) variables() []string {
	return []string{"_LAMBDA_SERVER_PORT=" + strconv.Itoa(c.port)}
}

// ready dials and pings until the process answers.
func (c *rpcClient) ready(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		client, err := c.ping(ctx)
		if err == nil && c.use(client) {
			return nil
		}
		if client != nil {
			client.Close()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// use takes a connection, unless the process behind it is gone.
func (c *rpcClient) use(client *rpc.Client) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.client = client
	return true
}

// unready wants another try if the process ended because its port, which was
// free when it was chosen, was taken meanwhile.
func (c *rpcClient) unready(id string, cause error, limit time.Duration, out *output) (answer, bool) {
	again := errors.As(cause, new(exited)) && (portTaken(c.port) || out.holds("address already in use"))
	return noAnswer(c, id, cause, limit).answer(), again
}

func (c *rpcClient) ping(ctx context.Context) (*rpc.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)))
	if err != nil {
		return nil, err
	}
	client := rpc.NewClient(conn)
	call := client.Go("Function.Ping", &messages.PingRequest{}, &messages.PingResponse{}, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return client, call.Error
	case <-ctx.Done():
		return client, ctx.Err()
	}
}

func (c *rpcClient) invoke(ctx context.Context, inv *invocation) (answer, error) {
	request := messages.InvokeRequest{
		Payload:      inv.payload,
		RequestId:    inv.id,
		XAmznTraceId: inv.trace,
		Deadline: messages.InvokeRequest_Timestamp{
			Seconds: inv.deadline.Unix(),
			Nanos:   int64(inv.deadline.Nanosecond()),
		},
		InvokedFunctionArn: inv.arn,
		ClientContext:      inv.clientContext,
	}
	var response messages.InvokeResponse
	call := c.client.Go("Function.Invoke", &request, &response, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	var refused rpc.ServerError
	switch {
	case errors.As(call.Error, &refused): // it answers, but not to Invoke as we know it
		return functionError{"errorString", call.Error.Error()}.answer(), nil
	case call.Error != nil: // the connection is gone, and so will be the process, or it hangs
		<-ctx.Done()
		return answer{}, context.Cause(ctx)
	case response.Error != nil:
		payload, err := json.Marshal(response.Error)
		if err != nil {
			return answer{}, err
		}
		// After a panic the process would go on serving; the host must end it.
		return answer{payload: payload, failed: true, discard: response.Error.ShouldExit}, nil
	case len(response.Payload) > maxResponse:
		return responseTooLarge().answer(), nil
	}
	return answer{payload: response.Payload}, nil
}

func (c *rpcClient) unstartable(_, file string, err error) functionError {
	return functionError{"PathError", "fork/exec /var/task/" + file + ": " + err.Error()}
}

func (c *rpcClient) ended(id string, _ *os.ProcessState) functionError {
	return functionError{"", "RequestId: " + id + " Process exited before completing request"}
}

func (c *rpcClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.client != nil {
		c.client.Close()
	}
	c.ports.give(c.port)
}

// ports hands out free ports, each to one process at a time.
type ports struct {
	mu    sync.Mutex
	taken map[int]bool
}

func newPorts() *ports { return &ports{taken: map[int]bool{}} }

func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if !p.taken[port] {
			p.taken[port] = true
			return port, nil
		}
	}
}

func (p *ports) give(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, port)
}

// portTaken says whether someone listens on a port.
func portTaken(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return true
	}
	listener.Close()
	return false
}
