# Deploys each function that is named and moves it to provided.al2023.
set -eu
for f; do
	aws lambda update-function-code --function-name prod-$f --zip-file fileb://bin/$f/lambda.zip | jq -c '{FunctionName, Runtime, Handler, LastModified}'
	aws lambda wait function-updated --function-name prod-$f
	aws lambda update-function-configuration --function-name prod-$f --runtime provided.al2023 --handler bootstrap | jq -c '{FunctionName, Runtime, Handler, LastModified}'
done
