package stack

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	integrations "github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/shared/api"
)

// newAPI makes the HTTP API, with each operation of the table in shared/api as a
// route to its function.
func newAPI(s awscdk.Stack, fns map[string]awslambda.Function) {
	gateway := awsapigatewayv2.NewHttpApi(s, jsii.String("Api"), &awsapigatewayv2.HttpApiProps{
		ApiName: jsii.String("rollcall"),
	})
	for _, name := range Names() {
		keys := api.Routes(name)
		if len(keys) == 0 {
			continue
		}
		integration := integrations.NewHttpLambdaIntegration(
			jsii.String(name), fns[name], &integrations.HttpLambdaIntegrationProps{
				PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
			})
		for _, key := range slices.Sorted(slices.Values(keys)) {
			if key == api.CatchAll {
				awsapigatewayv2.NewHttpRoute(s, jsii.String("Rest"), &awsapigatewayv2.HttpRouteProps{
					HttpApi: gateway, RouteKey: awsapigatewayv2.HttpRouteKey_DEFAULT(), Integration: integration,
				})
				continue
			}
			method, path, _ := strings.Cut(key, " ")
			gateway.AddRoutes(&awsapigatewayv2.AddRoutesOptions{
				Path: &path, Methods: &[]awsapigatewayv2.HttpMethod{awsapigatewayv2.HttpMethod(method)},
				Integration: integration,
			})
		}
	}
	awscdk.NewCfnOutput(s, jsii.String("Url"), &awscdk.CfnOutputProps{Value: gateway.ApiEndpoint()})
}
