package emulator

import (
	"encoding/json"
	"fmt"
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
	r, _ := cloudWatchReply(c, e.status, map[string]string{"__type": e.code, "message": e.message})
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
	return cloudWatchReply(c, http.StatusOK, response)
}

func cloudWatchReply(c *call, status int, v any) (reply, error) {
	r, err := jsonReply(status, v)
	r.header["Content-Type"] = "application/x-amz-json-1.0"
	if c.speaksCBOR() && err == nil {
		var tree any
		err = json.Unmarshal(r.body, &tree)
		r.body = cbor.Encode(toCBOR("", tree))
		r.header["Content-Type"], r.header["Smithy-Protocol"] = "application/cbor", "rpc-v2-cbor"
	}
	return r, err
}

// toCBOR returns the value of a member that encoding/json has decoded.
func toCBOR(member string, v any) cbor.Value {
	switch v := v.(type) {
	case map[string]any:
		m := cbor.Map{}
		for name, value := range v {
			m[name] = toCBOR(name, value)
		}
		return m
	case []any:
		list := cbor.List{}
		for _, value := range v {
			list = append(list, toCBOR(member, value))
		}
		return list
	case float64:
		if member == "Timestamps" {
			return &cbor.Tag{ID: 1, Value: cbor.Uint(v)}
		}
		return cbor.Float64(v)
	}
	return cbor.String(fmt.Sprint(v))
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
