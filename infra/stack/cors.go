package stack

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/jsii-runtime-go"
)

// settingCORS lists origins, separated by commas, whose web pages may call the API.
// It is the stack's own: no function is given it.
const settingCORS = "ROLLCALL_CORS_ORIGINS"

// origins are those that a list names.
func origins(list string) (out []string) {
	for origin := range strings.SplitSeq(list, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			out = append(out, origin)
		}
	}
	return out
}

// checkOrigins refuses what is no origin.
func checkOrigins(origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.Contains(u.Host, "*") ||
			origin != u.Scheme+"://"+u.Host {
			return fmt.Errorf("setting %s: %q is not an origin such as https://canvas.example.com; list several with commas",
				settingCORS, origin)
		}
	}
	return nil
}

// cors lets the web pages of these origins call the API; nil, where there are none, lets no other
// page than its own. A credential is sent as a header, never as a cookie.
func cors(origins []string) *awsapigatewayv2.CorsPreflightOptions {
	if len(origins) == 0 {
		return nil
	}
	var allowed []*string
	for _, origin := range origins {
		allowed = append(allowed, &origin)
	}
	return &awsapigatewayv2.CorsPreflightOptions{
		AllowOrigins: &allowed,
		AllowMethods: &[]awsapigatewayv2.CorsHttpMethod{
			awsapigatewayv2.CorsHttpMethod_GET, awsapigatewayv2.CorsHttpMethod_POST, awsapigatewayv2.CorsHttpMethod_DELETE,
		},
		AllowHeaders: jsii.Strings(
			"authorization", "content-type", "if-none-match", "x-workspace-id", "x-source-workspace-id"),
		ExposeHeaders: jsii.Strings("etag", "retry-after", "x-rollcall-next-cursor"),
		MaxAge:        awscdk.Duration_Minutes(jsii.Number(10)),
	}
}
