package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func TestHandle(t *testing.T) {
	const (
		a = `{"orderId":"A","currency":"JPY","total":1200}`
		b = `{"orderId":"B","currency":"EUR","total":0}`
		c = `{"orderId":"C","currency":"JPY","total":980}`
	)
	tests := []struct {
		name     string
		data     []string // one record each, with sequence numbers 1, 2, 3 …
		received []string
		failed   []string
	}{
		{name: "empty batch"},
		{name: "all good", data: []string{a, b, c}, received: []string{"A", "B", "C"}},
		{name: "unknown fields", data: []string{`{"orderId":"D","currency":"JPY","total":1,"gift":true}`}, received: []string{"D"}},
		{name: "first bad", data: []string{`{`, a, b}, failed: []string{"1"}},
		{name: "middle bad", data: []string{a, `"order"`, c}, received: []string{"A"}, failed: []string{"2"}},
		{name: "last bad", data: []string{a, b, ``}, received: []string{"A", "B"}, failed: []string{"3"}},
		{name: "two bad", data: []string{a, `null`, b, `null`}, received: []string{"A"}, failed: []string{"2"}},
		{name: "no order id", data: []string{`{"currency":"JPY","total":1}`}, failed: []string{"1"}},
		{name: "no currency", data: []string{`{"orderId":"D","total":1}`}, failed: []string{"1"}},
		{name: "negative total", data: []string{`{"orderId":"D","currency":"JPY","total":-1}`}, failed: []string{"1"}},
		{name: "fractional total", data: []string{`{"orderId":"D","currency":"JPY","total":0.5}`}, failed: []string{"1"}},
		{name: "trailing data", data: []string{a + a}, failed: []string{"1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var event events.KinesisEvent
			for i, data := range test.data {
				event.Records = append(event.Records, events.KinesisEventRecord{
					Kinesis: events.KinesisRecord{Data: []byte(data), SequenceNumber: fmt.Sprint(i + 1)},
				})
			}
			var log bytes.Buffer
			resp, err := consumer{log: slog.New(slog.NewJSONHandler(&log, nil))}.handle(t.Context(), event)
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, f := range resp.BatchItemFailures {
				failed = append(failed, f.ItemIdentifier)
			}
			if !slices.Equal(failed, test.failed) {
				t.Errorf("failed records %q, want %q", failed, test.failed)
			}
			received, errors := readLog(t, &log)
			if !slices.Equal(received, test.received) {
				t.Errorf("received orders %q, want %q", received, test.received)
			}
			if errors != len(test.failed) {
				t.Errorf("%d errors logged, want %d", errors, len(test.failed))
			}
		})
	}
}

func TestEvent(t *testing.T) {
	event, err := os.ReadFile("testdata/event.json")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := consumer{log: slog.New(slog.NewJSONHandler(&log, nil))}
	out, err := lambda.NewHandler(c.handle).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out), `{"batchItemFailures":[]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	received, _ := readLog(t, &log)
	if want := []string{"order-20240201-0001", "order-20240201-0002", "order-20240201-0003"}; !slices.Equal(received, want) {
		t.Errorf("received orders %q, want %q", received, want)
	}
}

// readLog returns the orders that were logged and the number of errors.
func readLog(t *testing.T, log io.Reader) (orders []string, errors int) {
	t.Helper()
	for d := json.NewDecoder(log); ; {
		var line struct {
			Level slog.Level `json:"level"`
			Order string     `json:"order"`
		}
		switch err := d.Decode(&line); {
		case err == io.EOF:
			return orders, errors
		case err != nil:
			t.Fatalf("decode log: %v", err)
		case line.Level == slog.LevelError:
			errors++
		default:
			orders = append(orders, line.Order)
		}
	}
}
