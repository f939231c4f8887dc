"""The process round a node: sockets, signals, budgets, logs. server.py puts it together.

options.py             the command line
overrides.py           --set NAME=VALUE
environment.py         the same in the environment
rpc.py                 a handler: admitted, timed, counted, its errors translated
service.py             what stands behind the handlers: a node, or a gateway
registrar.py           puts handlers on a server, and takes their messages in
guard.py               sees who calls, and whether he may
door.py                what the options say about that, and whether it fits together
private_files.py       what a node keeps is for its user alone
audit.py               who wrote what, and who was refused
streamed.py            many calls over one stream, each as it would be alone
listening.py           a gRPC server on every address of a host
standard_services.py   health and reflection, as every gRPC server has them
budgets.py             how many calls may run at once, how much they may carry; around each, Intake
arrivals.py            calls that have begun, and whose message has not come
traffic.py             what was asked, how it ended, how long it took
activity.py            what a node does, a line each
process.py             signals, the log, what is said at the beginning and at the end
log_lines.py           the lines of the log, in each form
log_stream.py          standard error, which may not be read
occupant.py            who has the port that this node wants
open_files.py          how many files are open, and the limit to them
metrics/               all that is counted, for Prometheus
"""
