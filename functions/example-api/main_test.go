package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func at(t time.Time) func() time.Time {
	return func() time.Time { return t }
}

func TestHandle(t *testing.T) {
	tests := []struct {
		name string
		id   string
		path string
		now  time.Time
		want answer
	}{
		{
			name: "same day",
			id:   "request-1",
			path: "/time",
			now:  time.Date(2024, 2, 1, 3, 4, 5, 6, time.UTC),
			want: answer{RequestID: "request-1", Path: "/time", Time: "2024-02-01T12:04:05+09:00"},
		},
		{
			name: "already tomorrow in Tokyo",
			id:   "request-2",
			path: "/time/now",
			now:  time.Date(2023, 12, 31, 15, 0, 0, 0, time.UTC),
			want: answer{RequestID: "request-2", Path: "/time/now", Time: "2024-01-01T00:00:00+09:00"},
		},
		{
			name: "clock in another zone",
			id:   "request-3",
			path: "/",
			now:  time.Date(2024, 7, 1, 20, 0, 0, 0, time.FixedZone("UTC-4", -4*60*60)),
			want: answer{RequestID: "request-3", Path: "/", Time: "2024-07-02T09:00:00+09:00"},
		},
		{
			name: "path that JSON escapes",
			id:   "request-4",
			path: `/a&b/"c"/時`,
			now:  time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC),
			want: answer{RequestID: "request-4", Path: `/a&b/"c"/時`, Time: "2024-02-01T09:00:00+09:00"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := events.APIGatewayProxyRequest{
				Path:           test.path,
				RequestContext: events.APIGatewayProxyRequestContext{RequestID: test.id},
			}
			resp, err := api{now: at(test.now), zone: tokyo}.handle(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, resp, test.want)
		})
	}
}

func TestHandleWithoutZone(t *testing.T) {
	missing := errors.New("unknown time zone Asia/Tokyo")
	a := api{
		now:  at(time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)),
		zone: func() (*time.Location, error) { return nil, missing },
	}
	resp, err := a.handle(t.Context(), events.APIGatewayProxyRequest{Path: "/time"})
	if !errors.Is(err, missing) {
		t.Errorf("error %v, want one that wraps %q", err, missing)
	}
	if resp.StatusCode != 0 || resp.Body != "" {
		t.Errorf("got response %+v beside the error", resp)
	}
}

func TestEvent(t *testing.T) {
	event, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	a := api{now: at(time.Date(2024, 2, 1, 3, 4, 5, 0, time.UTC)), zone: tokyo}
	out, err := lambda.NewHandler(a.handle).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var resp events.APIGatewayProxyResponse
	if err := json.Unmarshal(out, &resp); err != nil {
		t.Fatalf("decode response %s: %v", out, err)
	}
	checkAnswer(t, resp, answer{
		RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
		Path:      "/time",
		Time:      "2024-02-01T12:04:05+09:00",
	})
}

func checkAnswer(t *testing.T, resp events.APIGatewayProxyResponse, want answer) {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want %d", resp.StatusCode, http.StatusOK)
	}
	if got := resp.Headers["Content-Type"]; got != "application/json" {
		t.Errorf("content type %q, want application/json", got)
	}
	var got answer
	if err := json.Unmarshal([]byte(resp.Body), &got); err != nil {
		t.Fatalf("decode body %s: %v", resp.Body, err)
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
