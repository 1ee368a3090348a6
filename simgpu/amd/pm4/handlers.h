// The handlers of the packet table. The caller has checked each packet's smallest size.
#pragma once

#include "simgpu/amd/pm4/machine.h"

namespace simgpu::pm4 {

// data.cpp: moving data
bool write_data(Machine&, const Packet&);
bool dma_data(Machine&, const Packet&);
bool cp_dma(Machine&, const Packet&);
bool copy_data(Machine&, const Packet&);
bool atomic_mem(Machine&, const Packet&);

// events.cpp: fences, events, waits
bool release_mem(Machine&, const Packet&);
bool event_write_eop(Machine&, const Packet&);
bool event_write_eos(Machine&, const Packet&);
bool event_write(Machine&, const Packet&);
bool wait_reg_mem(Machine&, const Packet&);
bool wait_reg_mem64(Machine&, const Packet&);
bool cond_write(Machine&, const Packet&);

// flow.cpp: which packets run
bool indirect_buffer(Machine&, const Packet&);
bool cond_exec(Machine&, const Packet&);
bool pred_exec(Machine&, const Packet&);
bool set_predication(Machine&, const Packet&);
bool rewind(Machine&, const Packet&);

// state.cpp: registers
bool nothing(Machine&, const Packet&);
bool set_config_reg(Machine&, const Packet&);
bool set_sh_reg(Machine&, const Packet&);
bool set_context_reg(Machine&, const Packet&);
bool set_uconfig_reg(Machine&, const Packet&);
bool load_config_reg(Machine&, const Packet&);
bool load_sh_reg(Machine&, const Packet&);
bool load_context_reg(Machine&, const Packet&);
bool load_uconfig_reg(Machine&, const Packet&);
bool reg_rmw(Machine&, const Packet&);
bool context_reg_rmw(Machine&, const Packet&);
bool clear_state(Machine&, const Packet&);
bool set_base(Machine&, const Packet&);

// dispatch.cpp: compute
bool dispatch_direct(Machine&, const Packet&);
bool dispatch_indirect(Machine&, const Packet&);

}  // namespace simgpu::pm4
