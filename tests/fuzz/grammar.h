// Grammar: how inputs of a target are made and changed, so that they get past the checks of lengths
// and numbers at its door. mutator.cpp gives it to libFuzzer.
#pragma once

#include "tests/fuzz/program.h"
#include "tests/fuzz/random.h"

namespace viaduct::fuzz {

class Grammar {
  public:
    virtual ~Grammar() = default;
    /// A whole program that comes far.
    virtual Program make_program(Random& random) const = 0;
    virtual Step make_step(Random& random) const = 0;
    /// Changes operands, and keeps what the code would refuse at once. False: the kind has no rule,
    /// and its bytes change as those of any file do.
    virtual bool change_step(Step& step, Random& random) const = 0;
};

/// The target's. Each program has one.
const Grammar& grammar();

}  // namespace viaduct::fuzz
