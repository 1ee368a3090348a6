// The handlers of the SDMA packet table. The caller has fetched each packet whole.
#pragma once

#include "simgpu/amd/sdma/packet_table.h"

namespace simgpu::sdma {

bool nothing(Machine&, const Packet&);

// transfer.cpp
bool copy_linear(Machine&, const Packet&);
bool copy_linear_broadcast(Machine&, const Packet&);
bool copy_linear_sub_window(Machine&, const Packet&);
bool write_linear(Machine&, const Packet&);
bool constant_fill(Machine&, const Packet&);

// control.cpp
bool indirect(Machine&, const Packet&);
bool fence(Machine&, const Packet&);
bool poll_memory(Machine&, const Packet&);
bool cond_exe(Machine&, const Packet&);
bool pre_exe(Machine&, const Packet&);
bool atomic(Machine&, const Packet&);
bool timestamp(Machine&, const Packet&);

}  // namespace simgpu::sdma
