#include "simgpu/amd/gfx9/draw/blend.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// BLEND_* factors (GFX9 register headers).
enum Factor : uint8_t {
    kZero,
    kOne,
    kSourceColour,
    kInverseSourceColour,
    kSourceAlpha,
    kInverseSourceAlpha,
    kDestinationAlpha,
    kInverseDestinationAlpha,
    kDestinationColour,
    kInverseDestinationColour,
    kSourceAlphaSaturate,
    kBothSourceAlpha,
    kBothInverseSourceAlpha,
    kConstantColour,
    kInverseConstantColour,
    kSecondColour,
    kInverseSecondColour,
    kSecondAlpha,
    kInverseSecondAlpha,
    kConstantAlpha,
    kInverseConstantAlpha,
};

float factor_of(const BlendInputs& in, uint8_t which, unsigned component) {
    switch (which) {
        case kOne:
            return 1;
        case kSourceColour:
            return in.source.c[component];
        case kInverseSourceColour:
            return 1 - in.source.c[component];
        case kSourceAlpha:
            return in.source.c[3];
        case kInverseSourceAlpha:
            return 1 - in.source.c[3];
        case kDestinationAlpha:
            return in.destination.c[3];
        case kInverseDestinationAlpha:
            return 1 - in.destination.c[3];
        case kDestinationColour:
            return in.destination.c[component];
        case kInverseDestinationColour:
            return 1 - in.destination.c[component];
        case kSourceAlphaSaturate:
            return component == 3 ? 1 : std::min(in.source.c[3], 1 - in.destination.c[3]);
        case kConstantColour:
            return in.constant.c[component];
        case kInverseConstantColour:
            return 1 - in.constant.c[component];
        case kConstantAlpha:
            return in.constant.c[3];
        case kInverseConstantAlpha:
            return 1 - in.constant.c[3];
        case kSecondColour:
            return in.second.c[component];
        case kInverseSecondColour:
            return 1 - in.second.c[component];
        case kSecondAlpha:
            return in.second.c[3];
        case kInverseSecondAlpha:
            return 1 - in.second.c[3];
        default:
            return 0;
    }
}

float combine(const BlendState::Equation& equation, const BlendInputs& in, unsigned component) {
    const float s = in.source.c[component], d = in.destination.c[component];
    // A factor of zero leaves nothing, not even of infinity.
    const auto product = [&](uint8_t which, float value) {
        return which == kZero ? 0.0f : value * factor_of(in, which, component);
    };
    const float source = product(equation.source, s),
                destination = product(equation.destination, d);
    switch (equation.function) {
        case 1:
            return source - destination;
        case 2:
            return std::min(s, d);
        case 3:
            return std::max(s, d);
        case 4:
            return destination - source;
        default:
            return source + destination;
    }
}

bool second(uint8_t factor) {
    return factor >= kSecondColour && factor <= kInverseSecondAlpha;
}

}  // namespace

BlendState BlendState::from_register(uint32_t control) {
    const auto equation = [&](unsigned low) {
        return Equation{static_cast<uint8_t>(bits(control, low, 5)),
                        static_cast<uint8_t>(bits(control, low + 5, 3)),
                        static_cast<uint8_t>(bits(control, low + 8, 5))};
    };
    BlendState state;
    state.enabled = bit_of(control, 30);
    state.colour = equation(0);
    const bool separate = bit_of(control, 29);
    state.alpha = separate ? equation(16) : state.colour;
    return state;
}

bool BlendState::uses_second_source() const {
    return enabled && (second(colour.source) || second(colour.destination) ||
                       second(alpha.source) || second(alpha.destination));
}

Colour blend(const BlendState& state, const BlendInputs& inputs) {
    Colour result;
    for (unsigned i = 0; i < 4; i++)
        result.c[i] = combine(i == 3 ? state.alpha : state.colour, inputs, i);
    return result;
}

uint8_t logic_operation(uint8_t rop3, uint8_t source, uint8_t destination) {
    uint8_t result = 0;
    if (rop3 & 1) result |= static_cast<uint8_t>(~source & ~destination);
    if (rop3 & 2) result |= static_cast<uint8_t>(~source & destination);
    if (rop3 & 4) result |= static_cast<uint8_t>(source & ~destination);
    if (rop3 & 8) result |= source & destination;
    return result;
}

}  // namespace simgpu::gfx9::draw
