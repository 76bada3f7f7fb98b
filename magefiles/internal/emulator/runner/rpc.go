package runner

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/rpc"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// rpcClient communicates with a process of go1.x, which serves net/rpc on the
// port in its environment; see aws-lambda-go's lambda/rpc_function.go.
//
// AWS's go1.x may set AWS_LAMBDA_RUNTIME_API as well. The emulator is stricter:
// without that variable a binary that has no RPC server is sure to fail.
type rpcClient struct {
	port   int
	free   func() // gives the port back
	output *output

	mu     sync.Mutex
	client *rpc.Client // once the process has answered
	closed bool
}

func newRPCClient(ports *ports, out *output) (*rpcClient, error) {
	port, free, err := ports.take()
	return &rpcClient{port: port, free: free, output: out}, err
}

func (c *rpcClient) variables() []string {
	return []string{"_LAMBDA_SERVER_PORT=" + strconv.Itoa(c.port)}
}

// portLost is the exit of a process because another program took its port before
// it could listen. Another process may succeed.
type portLost struct{ error }

// ready connects until the process answers.
func (c *rpcClient) ready(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		if c.connect(ctx) {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if _, exit := cause.(exited); exit && (inUse(c.port) || c.output.contains("address already in use")) {
				return portLost{cause}
			}
			return cause
		}
	}
}

// connect keeps the connection if the process answers to a ping.
func (c *rpcClient) connect(ctx context.Context) bool {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", localPort(c.port))
	if err != nil {
		return false
	}
	client := rpc.NewClient(conn)
	err = call(ctx, client, "Function.Ping", &messages.PingRequest{}, &messages.PingResponse{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || c.closed {
		client.Close()
		return false
	}
	c.client = client
	return true
}

func (c *rpcClient) invoke(ctx context.Context, inv *Invocation) (*answer, error) {
	request := messages.InvokeRequest{
		Payload:            inv.Payload,
		RequestId:          inv.ID,
		XAmznTraceId:       inv.Trace,
		Deadline:           messages.InvokeRequest_Timestamp{Seconds: inv.deadline.Unix(), Nanos: int64(inv.deadline.Nanosecond())},
		InvokedFunctionArn: inv.ARN,
		ClientContext:      inv.ClientContext,
	}
	var response messages.InvokeResponse
	err := call(ctx, c.client, "Function.Invoke", &request, &response)
	_, refused := errors.AsType[rpc.ServerError](err)
	switch {
	case refused: // the process serves another Invoke than this one
		return functionError{"errorString", err.Error()}.answer(), nil
	case err != nil: // the connection is closed: the process exits, or hangs
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case response.Error != nil:
		payload, err := json.Marshal(response.Error)
		// After a panic the process would continue to serve; the host ends it.
		return &answer{payload: payload, failed: true, discard: response.Error.ShouldExit}, err
	case len(response.Payload) > maxResponse:
		return responseTooLarge(), nil
	}
	return &answer{payload: response.Payload}, nil
}

func call(ctx context.Context, client *rpc.Client, method string, request, response any) error {
	call := client.Go(method, request, response, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *rpcClient) failed(id string, cause error) *answer {
	switch cause := cause.(type) {
	case unstartable:
		return functionError{"PathError", cause.Error()}.answer()
	case timedOut:
		return functionError{"Sandbox.Timedout", "RequestId: " + id + " Error: " + cause.Error()}.answer()
	}
	return functionError{"", "RequestId: " + id + " Process exited before completing request"}.answer()
}

func (c *rpcClient) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.client != nil {
		c.client.Close()
	}
	c.free()
}

func inUse(port int) bool {
	listener, err := net.Listen("tcp", localPort(port))
	if err == nil {
		listener.Close()
	}
	return err != nil
}

func localPort(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
