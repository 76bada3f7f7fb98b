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

type attributes = map[string]events.DynamoDBAttributeValue

func change(name, sku string, image attributes) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{
		EventName: name,
		Change: events.DynamoDBStreamRecord{
			Keys:     attributes{"sku": events.NewStringAttribute(sku)},
			NewImage: image,
		},
	}
}

func stock(quantity, level string) attributes {
	return attributes{
		"quantity":     events.NewNumberAttribute(quantity),
		"reorderLevel": events.NewNumberAttribute(level),
	}
}

func TestHandle(t *testing.T) {
	var (
		plenty = change("INSERT", "plenty", stock("11", "10"))
		level  = change("MODIFY", "level", stock("10", "10"))
		short  = change("MODIFY", "short", stock("-3", "10"))
		gone   = change("REMOVE", "gone", nil)
		bad    = change("MODIFY", "bad", stock("many", "10"))
	)
	type records = []events.DynamoDBEventRecord
	tests := []struct {
		name    string
		records records // with sequence numbers 1, 2, 3 …
		reorder []string
		failed  []string
	}{
		{name: "empty batch"},
		{name: "all good", records: records{plenty, level, gone, short}, reorder: []string{"level", "short"}},
		{name: "first bad", records: records{bad, short}, failed: []string{"1"}},
		{name: "middle bad", records: records{level, bad, short}, reorder: []string{"level"}, failed: []string{"2"}},
		{name: "last bad", records: records{level, short, bad}, reorder: []string{"level", "short"}, failed: []string{"3"}},
		{name: "two bad", records: records{plenty, bad, bad}, failed: []string{"2"}},
		{name: "unknown event name", records: records{change("TRUNCATE", "x", stock("1", "1"))}, failed: []string{"1"}},
		{name: "no new image", records: records{change("INSERT", "x", nil)}, failed: []string{"1"}},
		{name: "no reorder level", records: records{change("INSERT", "x", attributes{
			"quantity": events.NewNumberAttribute("1"),
		})}, failed: []string{"1"}},
		{name: "quantity of another type", records: records{change("INSERT", "x", attributes{
			"quantity":     events.NewStringAttribute("1"),
			"reorderLevel": events.NewNumberAttribute("1"),
		})}, failed: []string{"1"}},
		{name: "fractional quantity", records: records{change("INSERT", "x", stock("1.5", "1"))}, failed: []string{"1"}},
		{name: "no key", records: records{{
			EventName: "INSERT",
			Change:    events.DynamoDBStreamRecord{NewImage: stock("1", "1")},
		}}, failed: []string{"1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			event := events.DynamoDBEvent{Records: slices.Clone(test.records)}
			for i := range event.Records {
				event.Records[i].Change.SequenceNumber = fmt.Sprint(i + 1)
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
			reorder, errors := readLog(t, &log)
			if !slices.Equal(reorder, test.reorder) {
				t.Errorf("items to reorder %q, want %q", reorder, test.reorder)
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
	reorder, _ := readLog(t, &log)
	if want := []string{"cup-0042"}; !slices.Equal(reorder, want) {
		t.Errorf("items to reorder %q, want %q", reorder, want)
	}
}

// readLog returns the items that were logged for reordering and the number of
// errors.
func readLog(t *testing.T, log io.Reader) (skus []string, errors int) {
	t.Helper()
	for d := json.NewDecoder(log); ; {
		var line struct {
			Level slog.Level `json:"level"`
			SKU   string     `json:"sku"`
		}
		switch err := d.Decode(&line); {
		case err == io.EOF:
			return skus, errors
		case err != nil:
			t.Fatalf("decode log: %v", err)
		case line.Level == slog.LevelError:
			errors++
		default:
			skus = append(skus, line.SKU)
		}
	}
}
