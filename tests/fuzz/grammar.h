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

/// A grammar that knows a step by its kind alone: a change makes the step anew, or is any bytes'.
template <typename Kind>
class KindGrammar : public Grammar {
  public:
    Step make_step(Random& random) const override { return make_(any_kind(random), random); }
    bool change_step(Step& step, Random& random) const override {
        if (step.kind >= kinds_ || random.once(2)) return false;
        step = make_(static_cast<Kind>(step.kind), random);
        return true;
    }

  protected:
    using Make = Step (*)(Kind kind, Random& random);
    /// Kinds are 0 … kinds - 1.
    KindGrammar(uint16_t kinds, Make make) : kinds_(kinds), make_(make) {}
    /// The default: each as often as the others.
    virtual Kind any_kind(Random& random) const { return static_cast<Kind>(random.below(kinds_)); }

  private:
    const uint16_t kinds_;
    const Make make_;
};

/// The target's. Each program has one.
const Grammar& grammar();

}  // namespace viaduct::fuzz
