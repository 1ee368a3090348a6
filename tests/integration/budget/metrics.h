// A reader of a VMM's figures.
#pragma once

#include <map>
#include <string>

namespace viaduct::test {

/// Sample lines by name and labels as they stand there: "viaduct_vm_contexts{vm=...}" → value.
using Samples = std::map<std::string, double>;

/// Asks the socket at `path` over HTTP. Empty if it does not answer.
Samples read_metrics(const std::string& path);

/// The sum of all samples called `name` whose labels contain `label` ("engine=\"gfx\"").
double sum_of(const Samples& samples, const std::string& name, const std::string& label = "");

}  // namespace viaduct::test
