package match

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"":                    "",
		"-_":                  "",
		"prod-nightly_report": "prod nightly report",
		"nightlyReport":       "nightly report",
		"ProdNightlyReport":   "prod nightly report",
		"HTTPServer2Go-API":   "http server2 go api",
		"PROD-orders":         "prod orders",
		"oauth2client":        "oauth2client",
	} {
		if got := strings.Join(words(name), " "); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestForms has names as CloudFormation, AWS SAM and the CDK make them, and names
// that only look a little like these.
func TestForms(t *testing.T) {
	for name, want := range map[string]string{
		"orders":                           "orders",
		"Function":                         "Function",
		"orders-function":                  "orders-function orders",
		"OrdersLambda":                     "OrdersLambda Orders",
		"function-orders":                  "function-orders",
		"shop-Orders-1AB2C3D4E5F6":         "shop-Orders-1AB2C3D4E5F6 shop-Orders",
		"shop-Orders-TOVCGV92O5PE":         "shop-Orders-TOVCGV92O5PE shop-Orders",
		"shop-Orders-QONe17r9maD":          "shop-Orders-QONe17r9maD shop-Orders",
		"shop-Orders-dOcfAtYoEiGo":         "shop-Orders-dOcfAtYoEiGo shop-Orders",
		"shop-OrdersFunction-1riHJ2Fib3EM": "shop-OrdersFunction-1riHJ2Fib3EM shop-OrdersFunction shop-Orders",
		"Shop-Orders5D3C2B1A-ohRFEn2RuAvp": "Shop-Orders5D3C2B1A-ohRFEn2RuAvp Shop-Orders5D3C2B1A Shop-Orders",
		"Shop-Report20260101-ohRFEn2RuAvp": "Shop-Report20260101-ohRFEn2RuAvp Shop-Report20260101",
		"shop-orders-1AB2C3D4E5F6":         "shop-orders-1AB2C3D4E5F6",
		"Orders-1AB2C3D4E5F6":              "Orders-1AB2C3D4E5F6",
		"shop-Orders-subscription":         "shop-Orders-subscription",
		"shop-Orders-Base64Encode":         "shop-Orders-Base64Encode",
		"shop-Orders-OrderStreamV2":        "shop-Orders-OrderStreamV2",
		"shop-Orders-PRODUCTION01":         "shop-Orders-PRODUCTION01",
		"shop-Orders5D3C2B1A":              "shop-Orders5D3C2B1A",
	} {
		var names []string
		for _, f := range forms(name) {
			names = append(names, f.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
