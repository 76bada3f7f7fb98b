package emulator

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"example.com/dualboot/magefiles/internal/emulator/metrics"
)

// cloudWatchName is the name of CloudWatch in its protocols.
const cloudWatchName = "GraniteServiceVersion20100801"

// cloudWatchService is Amazon CloudWatch. The header of its errors has the code
// of its oldest protocol, which the SDKs show.
//
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
var cloudWatchService = service{"monitoring", func(c *call, e *apiError) reply {
	r, _ := cloudWatchReply(c, e.status, map[string]string{"__type": e.code, "message": e.message},
		cbor.Map{"__type": cbor.String(e.code), "message": cbor.String(e.message)})
	r.header["X-Amzn-Query-Error"] = e.queryCode() + ";" + e.fault()
	return r
}}

// cloudWatchOperation returns the operation of a request for CloudWatch. The
// emulator speaks two of its three protocols: Smithy RPC v2 CBOR, as the SDK for
// Go does, and awsJson 1.0, as the AWS CLI does. It does not speak the oldest,
// with queries and XML.
//
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
// https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
func cloudWatchOperation(r *http.Request) (operation, bool) {
	name, ok := strings.CutPrefix(r.URL.Path, "/service/"+cloudWatchName+"/operation/")
	if !ok && r.URL.Path == "/" {
		name, ok = strings.CutPrefix(r.Header.Get("X-Amz-Target"), cloudWatchName+".")
	}
	switch {
	case !ok || r.Method != http.MethodPost:
		return operation{}, false
	case name == "GetMetricData":
		return operation{name, cloudWatchService, maxOtherRequest, (*Server).getMetricData}, true
	}
	return unknown(cloudWatchService), true
}

// speaksCBOR reports which of the two protocols a call is in.
func (c *call) speaksCBOR() bool { return c.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" }

// getMetricData returns the metrics of the invocations.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
func (s *Server) getMetricData(c *call) (reply, error) {
	if c.speaksCBOR() {
		value, err := cbor.Decode(c.body)
		if err == nil {
			c.body, err = json.Marshal(fromCBOR(value))
		}
		if err != nil {
			return reply{}, malformed(err.Error())
		}
	}
	var request metrics.Request
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	response, err := s.metrics.Get(request)
	if err != nil {
		return reply{}, err
	}
	return cloudWatchReply(c, http.StatusOK, response, toCBOR(response))
}

// cloudWatchReply returns an answer in the protocol of the call.
func cloudWatchReply(c *call, status int, asJSON any, asCBOR cbor.Value) (reply, error) {
	if c.speaksCBOR() {
		return reply{status, map[string]string{
			"Content-Type":    "application/cbor",
			"Smithy-Protocol": "rpc-v2-cbor",
		}, cbor.Encode(asCBOR)}, nil
	}
	r, err := jsonReply(status, asJSON)
	r.header["Content-Type"] = "application/x-amz-json-1.0"
	return r, err
}

// fromCBOR returns a value as encoding/json takes it. Times become seconds, as
// in awsJson.
func fromCBOR(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		m := map[string]any{}
		for name, value := range v {
			m[name] = fromCBOR(value)
		}
		return m
	case cbor.List:
		list := []any{}
		for _, value := range v {
			list = append(list, fromCBOR(value))
		}
		return list
	case *cbor.Tag:
		return fromCBOR(v.Value)
	case cbor.NegInt:
		return -float64(v)
	case *cbor.Nil, *cbor.Undefined:
		return nil
	}
	return v // a string, a number, a boolean or bytes
}

func toCBOR(r metrics.Response) cbor.Value {
	results := cbor.List{}
	for _, result := range r.MetricDataResults {
		timestamps, values := cbor.List{}, cbor.List{}
		for _, t := range result.Timestamps {
			timestamps = append(timestamps, &cbor.Tag{ID: 1, Value: cbor.Uint(t)})
		}
		for _, v := range result.Values {
			values = append(values, cbor.Float64(v))
		}
		results = append(results, cbor.Map{
			"Id":         cbor.String(result.Id),
			"Label":      cbor.String(result.Label),
			"Timestamps": timestamps,
			"Values":     values,
			"StatusCode": cbor.String(result.StatusCode),
		})
	}
	response := cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}
	if r.NextToken != "" {
		response["NextToken"] = cbor.String(r.NextToken)
	}
	return response
}
